from hypothesis import given
from hypothesis import strategies as st

from catalog.iiif.addresses import Addresses, name_of, path_token


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_token_names_one_thing_and_is_safe_in_urls_and_file_names(name: str) -> None:
    token = path_token(name)
    assert name_of(token) == name
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~")
    assert not token.startswith(".")


@given(st.text())
def test_no_second_spelling_reaches_the_same_name(token: str) -> None:
    name = name_of(token)
    assert name is None or path_token(name) == token


def test_nothing_is_named_by_nul() -> None:
    assert name_of("~00") is name_of("1987.1~00") is None


def test_base_address_may_end_with_a_slash() -> None:
    assert Addresses("https://museum.org/x/").image("ab") == "https://museum.org/x/iiif/3/ab"
