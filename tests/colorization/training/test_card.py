from colorization import models
from colorization.training.card import model_card


def test_the_card_states_licence_sources_and_digest(museum):
    descriptor = models.registry(museum).find("tiny")[1]
    card = model_card(descriptor, size=1_000_000, training={"steps": 3})
    assert descriptor.sha256 in card
    assert descriptor.license in card
    assert all(source in card for source in descriptor.data)
    assert "steps 3" in card
