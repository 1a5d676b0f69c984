from __future__ import annotations

import json

from catalog.iiif.addresses import Addresses
from catalog.iiif.search import PAGE, Hit, SearchRequest, build_answer, ignored_parameters

BASE = Addresses("https://museum.example")
HITS = [
    Hit("1987.1", {"title": "Le café du port", "description": "Two men before the Café."}),
    Hit("1987.2", {"title": "Harbor"}),
]


def test_a_hit_is_an_annotation_of_a_canvas_with_the_words_around_the_match() -> None:
    answer = json.loads(build_answer("town", SearchRequest("CAFE"), HITS[:1], 1, BASE))
    assert answer["@context"] == "http://iiif.io/api/search/2/context.json"
    assert answer["id"] == "https://museum.example/iiif/search/town?q=CAFE"
    assert [item["body"]["value"] for item in answer["items"]] == list(HITS[0].texts.values())
    assert answer["items"][0]["target"]["id"] == BASE.canvas("1987.1", 1)
    quotes = [item["target"]["selector"][0] for item in answer["annotations"][0]["items"]]
    assert [(q["prefix"], q["exact"], q["suffix"]) for q in quotes] == [
        ("Le ", "café", " du port"),
        ("Two men before the ", "Café", "."),
    ]
    sources = {item["target"]["source"] for item in answer["annotations"][0]["items"]}
    assert sources == {item["id"] for item in answer["items"]}


def test_a_hit_without_the_words_is_told_by_its_title() -> None:
    answer = json.loads(build_answer("town", SearchRequest("harb"), HITS, 2, BASE))
    assert [item["body"]["value"] for item in answer["items"]] == ["Le café du port", "Harbor"]
    assert "annotations" not in answer


def test_many_hits_are_paged() -> None:
    answer = json.loads(build_answer("town", SearchRequest("harbor", page=1), HITS[1:], 2 * PAGE + 1, BASE))
    assert answer["startIndex"] == PAGE
    assert answer["partOf"]["total"] == 2 * PAGE + 1
    assert answer["prev"]["id"] == f"{BASE.search('town')}?q=harbor"
    assert answer["next"]["id"] == answer["partOf"]["last"]["id"] == f"{BASE.search('town')}?q=harbor&page=2"


def test_what_is_not_supported_is_named() -> None:
    assert ignored_parameters({"q": "a", "user": "x", "date": ""}) == ("user",)
    answer = json.loads(build_answer("town", SearchRequest("a", ignored=("user",)), [], 0, BASE))
    assert answer["ignored"] == ["user"]
    assert answer["items"] == []
