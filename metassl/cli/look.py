"""See what a run's learner does, on one page: look.html in its folder, which needs nothing else.

    metassl look run=outputs/<when>
    metassl look run=outputs/<when> tasks=600 to=page.html

Three test tasks with what each unlabelled example was taken for and each query was answered, a map of their
features, which classes are taken for which, the surest errors, whether probabilities are what they say, each
test task with unlabelled examples against without, and, of a model that knows starts or tasks, how right it
is near to them and far. tasks=200 are asked. Nothing is trained.

Further words change the run's config as in metassl evaluate, and --config-dir lets it build classes of your
own. A page that is there is written anew.
"""

from pathlib import Path

from metassl.cli.composing import parse_words
from metassl.cli.evaluate import run_choices, run_config, run_folder
from metassl.cli.folders import writable
from metassl.data.spec import to_count
from metassl.errors import ConfigError
from metassl.files import write_atomically
from metassl.reports.look.page import ASKED, look_page
from metassl.runs.file_names import ABOUT
from metassl.training.process import silence_hints

OWN, NAME = ("tasks", "to"), "look.html"


def look(arguments: list[str]) -> Path:
    """Writes the page of the run that `run=FOLDER` names. Raises UserError."""
    silence_hints()
    asked = run_folder(arguments)
    own = [word for word in asked.changes if word.split("=")[0] in OWN]
    options = {override.key_or_group: override.value() for override in parse_words(own)}
    count = to_count("tasks", options.get("tasks", ASKED), 1)
    to = Path(str(options.get("to", asked.folder / NAME)))
    if to.suffix.lower() != ".html":
        raise ConfigError(f"to: found '{to}', allowed is a name that ends in .html.")
    writable(f"to={to}", to.absolute().parent)
    config = run_config(*asked._replace(changes=[word for word in asked.changes if word not in own]))
    page = look_page(config, asked.folder, run_choices(asked.folder / ABOUT), count)
    write_atomically(to, lambda path: path.write_text(page, encoding="utf-8"))
    print(f"written to {to}")
    return to
