"""Tables at a glance from the tidy scores of evaluate."""

import pandas as pd

# Scores that the truth has a hand in: a best hypothesis is picked by it; j_avg reprojects from the
# true root.
ORACLES = ("p_best", "j_best", "j_avg")
# in the order of tables
SCORES = ("initial", "p_avg", "median", "medoid", "jpma", "weighted", *ORACLES)
OVER = ("actions", "frames")


def table(scores: pd.DataFrame, *, over: str = "actions", every_step: bool = False) -> pd.DataFrame:
    """Mean errors in mm at the last step: one row per score (oracles last), one column per
    protocol, and a column that marks oracles.

    over: "actions" gives every action the same weight, as the field's tables do; "frames" gives
    every pose the same weight. The name of the columns says which. every_step: one row per score
    and step instead.
    """
    chosen = scores if every_step else scores[scores.step.isin([0, scores.step.max()])]
    by = ["score", "step"] if every_step else ["score"]
    means = _mean(chosen, [*by, "protocol"], over).unstack()
    means = means.loc[
        sorted(
            means.index,
            key=lambda key: (SCORES.index(key[0]), key[1]) if every_step else SCORES.index(key),
        )
    ]
    names = means.index.get_level_values("score")
    means.insert(0, "oracle", [name in ORACLES for name in names])
    return means.rename_axis(columns=f"mm, mean over {over}")


def paper_table(scores: pd.DataFrame, *, over: str = "actions") -> pd.DataFrame:
    """The published layout: one row per score and protocol, one column per action and their mean,
    at the step with the lowest *test* error.

    The step is chosen for each row separately, using the ground truth. Every row but the initial
    pose's is therefore an oracle; the last columns say so, and name the step. Use table for numbers
    without oracles.
    """
    scores = scores[scores.score.isin(["initial", "p_avg", *ORACLES])]
    by_step = _mean(scores, ["protocol", "score", "step"], over)
    mean = f"mean over {over}"
    rows = {}
    for (protocol, score), errors in by_step.groupby(level=[0, 1], sort=False):
        step = int(errors.idxmin()[2])
        cells = scores[
            (scores.protocol == protocol) & (scores.score == score) & (scores.step == step)
        ]
        rows[protocol, score] = dict(zip(cells.action, cells.error_mm)) | {
            mean: errors.min(),
            "step picked on the test set": step,
            "oracle": score != "initial",
        }
    result = pd.DataFrame.from_dict(rows, orient="index")
    result.index = pd.MultiIndex.from_tuples(result.index, names=["protocol", "score"])
    return result


def _mean(scores: pd.DataFrame, by: list[str], over: str) -> pd.Series:
    if over not in OVER:
        raise ValueError(f"unknown mean over {over!r}: choose from {', '.join(OVER)}")
    weights = scores.poses if over == "frames" else 1
    weighted = (
        scores.assign(weight=weights, sum=scores.error_mm * weights)
        .groupby(by, sort=False)[["sum", "weight"]]
        .sum()
    )
    return (weighted["sum"] / weighted["weight"]).rename("error_mm")
