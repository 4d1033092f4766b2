"""The two witnesses: the text of migrations, and catalogs before and after.

Both are asked through the jailed reader, as rbrun itself asks it."""

import json
import os
import subprocess
import tempfile

# What only the text can know: rows, blocks of code.
OF_DATA = {"rows_added", "data_changed", "dynamic_sql",
           "generated_column_added"}
KEYS = {"unique_added", "unique_removed", "unique_changed", "index_removed"}
RANK = {"incompatible": 4, "unknown": 3, "caution": 2, "compatible": 1}


def is_of_data(one):
    """ALTER SEQUENCE .. RESTART changes no catalog; other changes do."""
    return one["code"] in OF_DATA or \
        one["code"] == "sequence_changed" and "RESTART" in str(one.get("text"))


def ask(build, options, parts):
    """The reader's reply to the texts (bytes)."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(options, file)
        file.flush()
        out = subprocess.run(
            [os.path.join(build, "tests", "reader-ask"), "sql", file.name],
            input=b"".join(parts), stdout=subprocess.PIPE, check=False).stdout
    answer = json.loads(out)
    if "reply" not in answer:
        raise OSError(f"the reader says {answer}")
    return answer["reply"]


def compare(build, before, after):
    return ask(build, {"mode": "compare", "files": [], "catalogs": {
        "before": len(before), "after": len(after)}}, [before, after])


def judge(build, texts, first, mode, closed=True):
    """texts[:first] are context. The reply."""
    raw = [t.encode() for t in texts]
    files = [{"name": f"{i + 1:03d}.sql", "bytes": len(t), "format": "plain",
              "context": i < first} for i, t in enumerate(raw)]
    return ask(build, {"mode": mode, "closed": closed, "files": files}, raw)


def labels(entry):
    """The findings of a reply as sorted texts, without those about rows, and
    without details: expressions are spelt in more than one way."""
    out = set()
    for one in entry["reasons"] + entry["cautions"]:
        if is_of_data(one):
            continue
        place = one["object"].split(" WHERE ")[0]
        if one["code"] in KEYS:  # an expression is spelt in two ways
            place = place.split("(")[0]
        out.add(f'{one["code"]}: {place}')
    return sorted(out)


def codes(found):
    return {text.split(":")[0] for text in found}


def verdict(entry):
    """The verdict without what is only about rows and blocks of code."""
    worst = "compatible"
    for one in entry["reasons"] + entry["cautions"]:
        if not is_of_data(one) and RANK[one["level"]] > RANK[worst]:
            worst = one["level"]
    return worst


def has_block(entry):
    return any(one["code"] == "dynamic_sql" for one in entry["reasons"])


def difference(text, truth):
    """How the text's entry is wrong: "missed", "alarm", "caution", "codes",
    "unknown" (least), "objects", or None."""
    said, true = verdict(text), verdict(truth)
    if said == "unknown" and true != "unknown":
        return "unknown"
    if true == "incompatible" and said != "incompatible":
        return "missed"
    if said == "incompatible" and true != "incompatible":
        return "alarm"
    if said != true:
        return "caution"
    mine, real = labels(text), labels(truth)
    if codes(mine) != codes(real):
        return "codes"
    return "objects" if mine != real else None
