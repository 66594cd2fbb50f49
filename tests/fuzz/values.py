"""Values that people, scripts and broken files give where something else is meant."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.one_of(
    st.sampled_from(
        (
            *(
                "",
                " ",
                "a b",
                "ä",
                "日本",
                "-x",
                "--",
                "..",
                ".",
                "~",
                "~nobody/x",
                "a'b",
            ),
            *('a"b', "$HOME", "a;b", "a%b", "[red]", "{x}", "x" * 300, "a\tb", "🦊"),
            *(
                "config.json",
                "None",
                "nan",
                "CON",
                "a\\b",
                "[/]",
                "a:b",
                ":",
                "=",
                "%s",
            ),
        )
    ),
    st.text(
        st.characters(exclude_characters="\x00/", exclude_categories=["Cs"]),
        max_size=8,
    ),
)
"""texts, most of which can name files"""

INTEGERS = st.one_of(
    st.integers(-3, 6), st.sampled_from((2**31, 2**63, -(2**63), 10**20, 10**400))
)

FLOATS = st.one_of(
    st.sampled_from((0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-12, 1e12, 1e38, 1e308, -1e308)),
    st.sampled_from((float("nan"), float("inf"), -float("inf"), 5e-324)),
    st.floats(),
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), INTEGERS, FLOATS, NAMES),
    lambda x: st.one_of(st.lists(x, max_size=3), st.dictionaries(NAMES, x, max_size=3)),
    max_leaves=4,
)
"""anything that JSON can hold, NaN and Infinity included, as Python writes them"""


WORDS = st.one_of(
    INTEGERS.filter(lambda x: abs(x) < 10**30).map(str), FLOATS.map(repr), NAMES
)
"""what stands behind a flag"""
