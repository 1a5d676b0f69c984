import json

import cv2
import numpy as np
import pytest
import torch

from colorization.training.critic import Critic
from colorization.training.loop import CHECKPOINT, LOG, Recipe, Trainer
from colorization.training.shards import Album

SMALL = {"batch": 2, "crops": ((0.0, 32),), "width": 24, "log_every": 1}


@pytest.fixture(scope="module")
def album() -> Album:
    """Grassy and sandy halves under a blue sky: light below is green, dark below is red."""
    random = np.random.default_rng(0)
    album = Album()
    for i in range(12):
        picture = np.zeros((80, 90, 3), np.uint8)
        picture[:40] = (90, 140, 230)
        picture[40:] = (40, 150, 40) if i % 2 else (120, 50, 30)
        grain = random.normal(0, 6, picture.shape[:2])[..., None]
        picture = cv2.GaussianBlur(np.clip(picture + grain, 0, 255).astype(np.uint8), (3, 3), 0)
        album.photographs.append(picture)
        album.weights.append(1.0)
    return album


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("muon", [False, True])
def test_a_resumed_run_ends_as_one_never_stopped(album, tmp_path, muon):
    recipe = Recipe(steps=4, muon=muon, **SMALL)
    whole = weights(Trainer(album, tmp_path / "whole", recipe).run())
    stopped = Trainer(album, tmp_path / "parts", recipe)
    for _ in range(2):
        stopped.advance()
    stopped.save()
    resumed = Trainer(album, tmp_path / "parts", recipe)
    assert resumed.step == 2
    parts = weights(resumed.run())
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_the_loss_falls_and_the_log_says_so(album, tmp_path):
    Trainer(album, tmp_path, Recipe(steps=24, **SMALL)).run()
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    losses = [line["loss"] for line in lines]
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:4])
    assert {"step", "seconds", "steps_per_second", "rate", "classification", "regression"} <= set(lines[0])


def test_a_time_budget_ends_the_run(album, tmp_path):
    trainer = Trainer(album, tmp_path, Recipe(seconds=1.0, **SMALL))
    trainer.run()
    assert trainer.step >= 1
    assert (tmp_path / CHECKPOINT).exists()
    again = Trainer(album, tmp_path, Recipe(seconds=1.0, **SMALL))
    again.run()
    assert again.step == trainer.step


def test_a_recipe_has_one_budget(album, tmp_path):
    with pytest.raises(ValueError, match="either seconds or steps"):
        Trainer(album, tmp_path, Recipe())


def test_a_run_may_go_on_from_exported_weights(album, tmp_path):
    former = Trainer(album, tmp_path / "former", Recipe(steps=2, **SMALL))
    former.run()
    kept = {k: v for k, v in weights(former.averaged).items() if v.is_floating_point()}
    kept["log_weight"] = former.palette.weight.log()
    later = Trainer(album, tmp_path / "later", Recipe(steps=2, **SMALL), start=kept)
    assert all(
        torch.equal(value, kept[name]) for name, value in weights(later.network).items() if name in kept
    )


def test_going_on_keeps_the_palette_of_the_weights_whatever_the_album(album, tmp_path):
    former = Trainer(album, tmp_path / "former", Recipe(steps=1, **SMALL))
    kept = {k: v for k, v in weights(former.averaged).items() if v.is_floating_point()}
    kept["log_weight"] = former.palette.weight.log().half().float()
    grey = Album([np.full((80, 90, 3), 120, np.uint8)], [1.0])
    later = Trainer(grey, tmp_path / "later", Recipe(steps=1, **SMALL), start=kept)
    assert torch.equal(later.palette.bins, former.palette.bins)
    assert torch.allclose(later.palette.prior, former.palette.prior, atol=2e-3)
    assert torch.allclose(later.palette.weight.log(), former.palette.weight.log(), atol=5e-3)


def test_muon_steps_the_decoder_and_leaves_encoder_and_ends_to_adamw(album, tmp_path):
    stepped = {}
    for muon in (False, True):
        trainer = Trainer(album, tmp_path / str(muon), Recipe(steps=2, muon=muon, **SMALL))
        trainer.advance()
        stepped[muon] = weights(trainer.network)
    alike = {name for name, value in stepped[False].items() if torch.equal(value, stepped[True][name])}
    inner = {"bottom", "whole", "level16.mix.0", "level8.narrow", "level4.lateral", "head.0"}
    assert not alike & {f"{name}.weight" for name in inner}
    ends = {"hint_stem", "level8.hint.spread", "classify", "regress"}
    assert {f"{name}.weight" for name in ends} <= alike
    assert all(name in alike for name in stepped[False] if name.startswith("encoder."))


def test_the_critic_is_asked_late(album, tmp_path):
    trainer = Trainer(album, tmp_path, Recipe(steps=4, criticized_from=0.5, **SMALL), critic=Critic(None))
    asked = ["unlike" in trainer.advance() for _ in range(4)]
    assert asked == [False, False, True, True]
