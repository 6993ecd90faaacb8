"""The simulation's outcome as a picture for the docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.capacity import Outcome

PANELS = (
    ("landed", "changes landed a day"),
    ("lines", "lines landed a day"),
    ("age", "hours on the desk when read"),
    ("conflicts", "conflicts for 100 landed"),
    ("stale", "stale hours a day"),
    ("left", "on the desk at the end"),
)
COLOURS = {True: "#2b50c8", False: "#b87a00"}
TEXT, MUTED, CARD = "#1d1d1b", "#5f5f5a", "#ffffff"


def draw(outcomes: Sequence[Outcome], folder: Path) -> None:
    """One panel a figure, by the number of agents: colour is the budget, a full line the desk's order."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "narrows", "font.size": 9, "text.color": TEXT}):
        canvas = Figure(figsize=(9, 8), facecolor=CARD, layout="constrained")
        for axes, (name, title) in zip(canvas.subplots(3, 2).flat, PANELS, strict=True):
            axes.set_title(title, loc="left", fontsize=10, color=TEXT)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(colors=MUTED)
            for budget, order in dict.fromkeys((each.setup.budget, each.setup.order) for each in outcomes):
                line = [each for each in outcomes if (each.setup.budget, each.setup.order) == (budget, order)]
                axes.plot(
                    [each.setup.agents for each in line],
                    [getattr(each, name) for each in line],
                    color=COLOURS[bool(budget)],
                    linestyle="--" if order == "first come" else "-",
                    marker="o",
                    markersize=3,
                    label=f"{f'budget of {budget} min' if budget else 'no budget'}, {order}",
                )
            axes.set_xticks(sorted({each.setup.agents for each in outcomes}))
            axes.set_ylim(bottom=0)
            axes.set_xlabel("agents", fontsize=8, color=MUTED)
        handles, labels = canvas.axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        folder.mkdir(parents=True, exist_ok=True)
        canvas.savefig(folder / "capacity.svg", metadata={"Date": None, "Creator": None})
