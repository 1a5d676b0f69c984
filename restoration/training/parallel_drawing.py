"""Drawing batches in several processes: a GPU learns faster than one process can draw."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from restoration.training.loop import Batch, TrainingTask


class DrawnInParallel:
    """A task whose batches are drawn by several processes, the same batches in the same order.

    Let `Schedule.ahead` be at least `processes`, or they will wait for one another.

    Parameters
    ----------
    task
        Its photographs are shared with the processes, not copied: they are forked when this is made, which
        must be before a GPU is used.
    processes
        How many.
    """

    def __init__(self, task: TrainingTask, processes: int) -> None:
        self._task = task
        _Drawer.task = task
        fork = multiprocessing.get_context("fork")
        self._pool = ProcessPoolExecutor(processes, mp_context=fork, initializer=_Drawer.start)
        self._pool.submit(_Drawer.ready).result()

    def batch(self, random: np.random.Generator) -> Batch:
        """Return what the task would draw."""
        drawn = self._pool.submit(_Drawer.draw, random).result()
        return {name: torch.from_numpy(values) for name, values in drawn.items()}

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the task's loss."""
        return self._task.loss(network, batch)

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Return the task's figures."""
        return self._task.validate(network)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)


class _Drawer:
    """What a forked process inherits."""

    task: TrainingTask

    @staticmethod
    def start() -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(0)

    @staticmethod
    def ready() -> bool:
        return True

    @classmethod
    def draw(cls, random: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        return {name: values.numpy() for name, values in cls.task.batch(random).items()}
