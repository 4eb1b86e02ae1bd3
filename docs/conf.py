"""How the documentation is built: `sphinx-build -W docs docs/_build/html`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import tinyframe
from tinyframe.plots import STYLE

project = "tinyframe"
author = "The tinyframe authors"
project_copyright = author
version = release = tinyframe.__version__

extensions = [
    "myst_nb",  # pages in Markdown, whose code cells are run as the pages are built
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",  # a page for each public name
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",  # cards
    "matplotlib.sphinxext.plot_directive",  # pictures, drawn by the code that is shown
    "layer_pages",  # the rest of the layers' pages; beside this file
    "greek_sheets",  # derivations in Greek above the code of the exercises; likewise
    "notebooks",  # the tutorials to download; likewise
    "mathml",  # formulas without scripts; likewise
    "docstrings",  # likewise
]
exclude_patterns = ["_build", "el/sheets"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = "tinyframe"
_sidebar = [f"sidebar/{part}.html" for part in ("brand", "search", "scroll-start", "scroll-end")]
_sidebar.insert(3, "short-navigation.html")  # the whole one is 25 kB
html_sidebars = {"reference/api/*": _sidebar, "_modules/**": _sidebar}
html_use_index = False  # search finds more
html_static_path = ["_static"]
html_css_files = ["tinyframe.css"]
html_show_sphinx = False
nitpicky = False

myst_enable_extensions = ["colon_fence", "dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
plot_include_source = True
plot_html_show_source_link = plot_html_show_formats = False
plot_formats = ["svg"]
plot_pre_code = ""
plot_rcparams = STYLE
plot_apply_rcparams = True  # to each picture, and not only after one that asks for a fresh start

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings tell shapes, which types cannot
napoleon_use_ivar = True
