"""Who or what takes part in events: persons, organizations, programs, models.

Natural key: kind, name, version and identifier together. A repeat finds the agent and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, select
from sqlalchemy.dialects.postgresql import insert

from catalog.schema import AgentKind, agents
from imaging.stage import ModelReference


@dataclass(frozen=True)
class Agent:
    """One agent.

    Parameters
    ----------
    kind
        Person, organization or software; a model is software.
    name
        What it is called.
    version
        Of software.
    identifier
        What tells it from others of that name: a person's account or ORCID, the sha256 of a model's weights.
    """

    kind: AgentKind
    name: str
    version: str = ""
    identifier: str = ""


def person(name: str, identifier: str = "") -> Agent:
    """Return a person as agent."""
    return Agent(AgentKind.PERSON, name, identifier=identifier)


def software(name: str, version: str) -> Agent:
    """Return a program as agent."""
    return Agent(AgentKind.SOFTWARE, name, version)


def model(reference: ModelReference) -> Agent:
    """Return a network as agent: software whose identifier is the sha256 of its weights."""
    return Agent(AgentKind.SOFTWARE, reference.name, reference.version, f"sha256:{reference.sha256}")


def ensure(connection: Connection, agent: Agent) -> int:
    """Return the row of `agent`, made when there is none."""
    values = {
        "kind": agent.kind,
        "name": agent.name,
        "version": agent.version,
        "identifier": agent.identifier,
    }
    find = select(agents.c.id).where(and_(*(agents.c[name] == value for name, value in values.items())))
    if (found := connection.execute(find).scalar()) is not None:
        return int(found)
    connection.execute(insert(agents).values(values).on_conflict_do_nothing())
    return int(connection.execute(find).scalar_one())
