"""The context of events: which software worked, on what class of machine, from when to when."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime

from catalog.agents import software
from catalog.events import Participant
from catalog.outcomes import EventContext
from catalog.schema import AgentRole
from operators.version import software_version

SOFTWARE = "Heliochrome"


def machine() -> str:
    """Return the class of this machine, as ``x86_64, 16 cores, no accelerator``; never its name."""
    # Only a task that has loaded PyTorch anyway can have used an accelerator.
    torch = sys.modules.get("torch")
    accelerator = (
        torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else "no accelerator"
    )
    return f"{platform.machine()}, {os.cpu_count() or 1} cores, {accelerator}"


def program() -> Participant:
    """Return this program, as events name it."""
    return Participant(software(SOFTWARE, software_version()), AgentRole.EXECUTING_PROGRAM)


def event_context(started: datetime, ended: datetime | None = None) -> EventContext:
    """Return the event context of work that this program did from `started` until `ended`, else now."""
    return EventContext(started, ended or datetime.now(UTC), (program(),), machine())
