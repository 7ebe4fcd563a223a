"""The names of the published state dict's entries, beside the kit's own.

Rows are (own name, published name, form), the names as regular expressions; every entry is here.
The form says how the tensor is laid out there:

same: as it is here.
flat: with other axes of length 1.
cheb: (3, 1, inputs, outputs); here (inputs, 3 * outputs).
conv: (outputs, inputs, joints); here (outputs, joints * inputs).
qkv: three matrices, numbered 0 to 2; here one.
"""

DENOISER = (
    (r"time1\.", "time_mlp.1.", "same"),
    (r"time2\.", "time_mlp.3.", "same"),
    (r"embed\.", "gconv_input.", "cheb"),
    (r"embed_kp2d\.", "gconv_cond.", "cheb"),
    (r"layers\.(\d+)\.cheb(\d)\.", r"gconv_layers.\1.gconv\2.gconv.", "cheb"),
    (r"layers\.(\d+)\.attention\.f\.qkv\.", r"atten_layers.\1.self_attn.linears.{}.", "qkv"),
    (r"layers\.(\d+)\.attention\.f\.proj\.", r"atten_layers.\1.self_attn.linears.3.", "same"),
    (r"layers\.(\d+)\.attention\.norm\.weight", r"atten_layers.\1.sublayer.0.norm.a_2", "same"),
    (r"layers\.(\d+)\.attention\.norm\.bias", r"atten_layers.\1.sublayer.0.norm.b_2", "same"),
    (
        r"layers\.(\d+)\.attention\.modulation\.",
        r"atten_layers.\1.sublayer.0.adaLN_modulation.1.",
        "same",
    ),
    (r"layers\.(\d+)\.graph\.f\.adjacency", r"atten_layers.\1.feed_forward.A_hat", "same"),
    (r"layers\.(\d+)\.graph\.f\.fc(\d)\.", r"atten_layers.\1.feed_forward.gconv\2.fc.", "same"),
    (r"layers\.(\d+)\.graph\.norm\.weight", r"atten_layers.\1.sublayer.1.norm.a_2", "same"),
    (r"layers\.(\d+)\.graph\.norm\.bias", r"atten_layers.\1.sublayer.1.norm.b_2", "same"),
    (
        r"layers\.(\d+)\.graph\.modulation\.",
        r"atten_layers.\1.sublayer.1.adaLN_modulation.1.",
        "same",
    ),
    (r"output\.", "gconv_output.", "cheb"),
    (r"blend\.fc1\.", "fusion.post_refine.0.", "same"),
    (r"blend\.fc2\.", "fusion.post_refine.3.", "same"),
)
DCGCT = (
    (r"embed\.", "patch_embed.", "same"),
    (r"joint_embedding", "pos_embed", "same"),
    (r"norm\.", "Temporal_norm.", "same"),
    (r"output\.", "fcn.", "same"),
    (r"blocks\.(\d+)\.local(\d)\.norm(\d)\.", r"blocks.\1.local\2.norm_gcn\3.", "same"),
    (r"blocks\.(\d+)\.local(\d)\.gcn(\d)\.spread\.", r"blocks.\1.local\2.gcn\3.gcn.conv.", "flat"),
    (r"blocks\.(\d+)\.local(\d)\.gcn(\d)\.norm1\.", r"blocks.\1.local\2.gcn\3.tcn.0.", "same"),
    (r"blocks\.(\d+)\.local(\d)\.gcn(\d)\.pointwise\.", r"blocks.\1.local\2.gcn\3.tcn.3.", "flat"),
    (r"blocks\.(\d+)\.local(\d)\.gcn(\d)\.norm2\.", r"blocks.\1.local\2.gcn\3.tcn.4.", "same"),
    (r"blocks\.(\d+)\.global(\d)\.norm\.", r"blocks.\1.global\2.norm_attn.", "same"),
    (r"blocks\.(\d+)\.global(\d)\.attention\.(qkv|proj)\.", r"blocks.\1.global\2.attn.\3.", "same"),
    (r"blocks\.(\d+)\.(norm_fusion|norm_mlp|fusion\.fc\d|mlp\.fc\d)\.", r"blocks.\1.\2.", "same"),
)
HTNET = (
    (r"embed\.", "patch_embed.", "same"),
    (r"joint_embedding", "pos_embed", "same"),
    (r"norm\.", "Hiremixer.Temporal_norm.", "same"),
    (r"output\.", "fcn.", "same"),
    (r"blocks\.(\d+)\.joint\.norm(\d)\.", r"Hiremixer.blocks.\1.lgc.norm_gcn\2.", "same"),
    (r"blocks\.(\d+)\.joint\.gcn(\d)\.weight", r"Hiremixer.blocks.\1.lgc.gcn\2.W", "same"),
    (r"blocks\.(\d+)\.joint\.gcn(\d)\.gain", r"Hiremixer.blocks.\1.lgc.gcn\2.M", "same"),
    (r"blocks\.(\d+)\.joint\.gcn(\d)\.correction", r"Hiremixer.blocks.\1.lgc.gcn\2.adj2", "same"),
    (r"blocks\.(\d+)\.joint\.gcn(\d)\.bias", r"Hiremixer.blocks.\1.lgc.gcn\2.bias", "same"),
    (r"blocks\.(\d+)\.part3\.merge\.", r"Hiremixer.blocks.\1.ipc.conv1.", "conv"),
    (r"blocks\.(\d+)\.part3\.norm\.", r"Hiremixer.blocks.\1.ipc.norm_conv1.", "same"),
    (r"blocks\.(\d+)\.part3\.norm_mlp\.", r"Hiremixer.blocks.\1.ipc.norm_conv1_mlp.", "same"),
    (r"blocks\.(\d+)\.part3\.mlp\.", r"Hiremixer.blocks.\1.ipc.mlp_down_1.", "same"),
    (r"blocks\.(\d+)\.part2\.merge\.", r"Hiremixer.blocks.\1.ipc.conv2.", "conv"),
    (r"blocks\.(\d+)\.part2\.norm\.", r"Hiremixer.blocks.\1.ipc.norm_conv2.", "same"),
    (r"blocks\.(\d+)\.part2\.norm_mlp\.", r"Hiremixer.blocks.\1.ipc.norm_conv2_mlp.", "same"),
    (r"blocks\.(\d+)\.part2\.mlp\.", r"Hiremixer.blocks.\1.ipc.mlp_down_2.", "same"),
    (r"blocks\.(\d+)\.norm_body\.", r"Hiremixer.blocks.\1.gbi.norm_attn.", "same"),
    (r"blocks\.(\d+)\.body\.(qkv|proj)\.", r"Hiremixer.blocks.\1.gbi.attn.\2.", "same"),
    (r"blocks\.(\d+)\.(norm_mlp|mlp\.fc\d)\.", r"Hiremixer.blocks.\1.\2.", "same"),
)
