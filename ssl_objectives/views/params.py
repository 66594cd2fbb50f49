"""Augmentation parameters of a view: the columns of `Views.extra["params"]`."""

PARAMS = (
    "top",  # of the crop: offsets and sizes as shares of the image, in [0, 1];
    "left",  # a shift may reach beyond
    "height",
    "width",
    "flip",  # 1 where mirrored left to right
    "brightness",  # factors; 1: unchanged
    "contrast",
    "saturation",
    "hue",  # turns; 0: unchanged
    "blur",  # sigma in pixels; 0: none
    "solarize",  # 1 where bright pixels were inverted
    "gray",  # 1 where colour was taken away
    "rotation",  # quarter turns: 0, 1, 2 or 3
)
"""P names; a view that was not changed has (0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0)."""

Range = tuple[float, float]
"""The least and the greatest that a number can be."""

UNCHANGED = (0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)

FLIP = PARAMS.index("flip")
BRIGHTNESS, CONTRAST = PARAMS.index("brightness"), PARAMS.index("contrast")
SATURATION, HUE = PARAMS.index("saturation"), PARAMS.index("hue")
BLUR, SOLARIZE = PARAMS.index("blur"), PARAMS.index("solarize")
GRAY, ROTATION = PARAMS.index("gray"), PARAMS.index("rotation")
