"""The words of a tuning, in two languages."""

from importlib.resources import files

from ruamel.yaml import YAML


def words_in(lang: str) -> dict[str, str]:
    """All texts of a language, by key."""
    table = YAML(typ="safe").load(files("scenarios.tuning").joinpath("words.yaml").read_text(encoding="utf-8"))
    return {key: str(texts[lang]) for key, texts in table.items()}
