from catalog.web.figures import rows


def test_figures_are_worded_and_nothings_left_out() -> None:
    measured = {"damage_dust": 0.0123, "mended_loss": 0.0, "noise_before": 4.1302, "mend": True, "tone": None}
    assert rows(measured) == [("damage dust", "1.23 %"), ("noise before", "4.13"), ("mend", "yes")]
    assert rows({"defects": 12, "tile": 1024, "method": "a"}) == [
        ("defects", "12"),
        ("tile", "1024"),
        ("method", "a"),
    ]
