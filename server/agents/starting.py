"""How a spec is started for one turn: its manners, its command line, its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.agents.protocol import AgentSpec, Manner, Turn

FLAGS = "{flags}"


def manners(spec: AgentSpec, turn: Turn) -> Manner:
    """What the turn's wishes add to the agent's start: whether it asks, and whose settings it loads."""
    free = spec.confined if turn.confined and spec.confined else spec.free
    asks = spec.asking if turn.asks and spec.asking else free
    settings = spec.all_settings if turn.repository_config else spec.users_settings
    return Manner(
        argv=(*asks.argv, *settings.argv),
        env={**asks.env, **settings.env},
        files={**asks.files, **settings.files},
        mode=asks.mode or settings.mode,
        meta={**asks.meta, **settings.meta},
    )


def command_line(argv: Sequence[str], manner: Manner, **values: str) -> tuple[str, ...]:
    """`argv` with each word `{name}` replaced by the value, and `{flags}` by the manner's own words."""
    known = {f"{{{name}}}": (value,) for name, value in values.items()} | {FLAGS: manner.argv}
    whole = argv if FLAGS in argv else (*argv, FLAGS)
    return tuple(word for each in whole for word in known.get(each, (each,)))


def variables(env: Mapping[str, str], manner: Manner) -> dict[str, str]:
    """The turn's environment with what the manner adds."""
    return {**env, **manner.env}
