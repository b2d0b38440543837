"""Optuna's own plots of a study, as parts of a page that needs nothing beside it."""

import base64
import gzip
import hashlib
import warnings
from collections.abc import Callable, Mapping

import optuna
from markupsafe import Markup
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import TrialState
from optuna.visualization import (
    plot_intermediate_values,
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_slice,
)
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

FEWEST = 4  # done trials, of which importances say anything

# The library is packed, and the browser unpacks it: a page of 2 MB in place of 5.
LOADER = """
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  for (const place of document.querySelectorAll("[data-plot]")) {
    const figure = JSON.parse(document.getElementById(place.dataset.plot).textContent);
    Plotly.newPlot(place, figure.data, figure.layout, {responsive: true, displaylogo: false});
  }
})();
"""


def importances(study: optuna.Study) -> dict[str, float]:
    """Key -> share, the largest first; {} where there are too few trials or one key alone."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(done) < FEWEST or len(done[0].params) < 2:
        return {}
    with _quietly():
        return optuna.importance.get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())


def figures(study: optuna.Study, name: str) -> dict[str, Figure]:
    """Title -> plot, of those that the trials allow.

    Args:
        study: with a done trial or more.
        name: of the score, for the axes.
    """
    makers: dict[str, Callable[[], Figure]] = {
        "History": lambda: plot_optimization_history(study, target_name=name),
        "While training": lambda: plot_intermediate_values(study),
        "Slices": lambda: plot_slice(study, target_name=name),
    }
    if importances(study):
        evaluator = PedAnovaImportanceEvaluator
        makers["Importances"] = lambda: plot_param_importances(study, evaluator=evaluator(), target_name=name)
        makers["Parallel coordinates"] = lambda: plot_parallel_coordinate(study, target_name=name)
    with _quietly():
        return {
            title: make().update_layout(title=None, template="plotly_white") for title, make in makers.items()
        }


def with_plots(page: str, plots: Mapping[str, Figure]) -> str:
    """A page of `metassl.reports.pages` with these plots at its end, and the library that draws them, once.

    The page's policy then allows this library and its loader, by what they are, and no other script. The
    library makes functions of its own text to draw parallel coordinates.
    """
    library = get_plotlyjs()
    allowed = " ".join(["script-src 'unsafe-eval'", *map(_named, (LOADER, library))])
    parts = [Markup("<h2>{}</h2><div data-plot='plot{}'></div>").format(t, k) for k, t in enumerate(plots)]
    for number, figure in enumerate(plots.values()):
        data = figure.to_json().replace("<", "\\u003c")  # nothing in it ends the script, whoever named a key
        parts.append(Markup(f"<script type='application/json' id='plot{number}'>{data}</script>"))
    packed = base64.b64encode(gzip.compress(library.encode(), mtime=0)).decode()
    parts.append(Markup(f"<script type='text/plain' id='plotly'>{packed}</script>"))
    end = Markup("\n").join([*parts, Markup(f"<script>{LOADER}</script>")])
    return page.replace("script-src", allowed, 1).replace("</main>", f"{end}\n</main>", 1)


def _named(script: str) -> str:
    """A script as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


class _quietly(warnings.catch_warnings):
    """Without Optuna's word that a part of it is new."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
