"""Counts the sample data without knowing anything of Vernier, and writes the records one a line beside.

count.py DATA OUT: writes OUT/raw.SOURCE.ndjson and prints the counts as JSON lines: construct, period, group, counts.
"""

import collections
import datetime
import decimal
import glob
import json
import sys
import zipfile

data, out = sys.argv[1:]


def load(text):
    return json.loads(text, parse_float=decimal.Decimal)


def write(source, texts):
    with open(f"{out}/raw.{source}.ndjson", "w", encoding="utf-8") as file:
        for text in texts:
            file.write(text + "\n")


def say(construct, period, group, **counts):
    counts = {name: str(value) for name, value in counts.items()}
    print(json.dumps({"construct": construct, "period": period, "group": group, "base": counts}))


alerts = []
for name in sorted(glob.glob(f"{data}/f04-eve/*.json")):
    with open(name, encoding="utf-8") as file:
        alerts += json.load(file)
write("eve", (json.dumps(alert) for alert in alerts))
days = collections.defaultdict(list)
for alert in alerts:
    at = datetime.datetime.fromisoformat(alert["timestamp"]).astimezone(datetime.timezone.utc)
    days[at.strftime("%Y-%m-%d")].append(alert)
for day, of_day in sorted(days.items()):
    say(
        "samples/eve",
        day,
        "all",
        alerts=len(of_day),
        grave=sum(alert["alert"]["severity"] == 1 for alert in of_day),
        scans=sum(alert["alert"]["signature"].startswith("ET SCAN") for alert in of_day),
        origins=len({alert["src_ip"] for alert in of_day}),
    )

calls = []
for name in sorted(glob.glob(f"{data}/f03-cloudtrail/stratus/**/*.json", recursive=True)):
    with open(name, encoding="utf-8") as file:
        calls += json.load(file)
with zipfile.ZipFile(f"{data}/f03-cloudtrail/ec2_proxy_s3_exfiltration.zip") as archive:
    for name in archive.namelist():
        calls += [json.loads(line) for line in archive.read(name).decode().splitlines() if line]
write("cloudtrail", (json.dumps(call) for call in calls))
declared = ["ec2.amazonaws.com", "iam.amazonaws.com", "s3.amazonaws.com"]
months = collections.defaultdict(lambda: collections.defaultdict(list))
for call in calls:
    group = call["eventSource"] if call["eventSource"] in declared else "other"
    month = call.get("eventTime", call.get("@timestamp"))[:7]
    months[month]["all"].append(call)
    months[month][f"service={group}"].append(call)
for month, groups in sorted(months.items()):
    for group, of_group in sorted(groups.items()):
        say(
            "samples/cloudtrail",
            month,
            group,
            calls=len(of_group),
            errors=sum(call.get("errorCode") is not None for call in of_group),
            operations=len({call["eventName"] for call in of_group}),
        )

texts, months = [], collections.defaultdict(list)
for name in sorted(glob.glob(f"{data}/f07-vulnrichment/*.json")):
    with open(name, encoding="utf-8") as file:
        text = file.read()
    texts.append(json.dumps(json.loads(text)))
    record = load(text)
    scores = [metric["cvssV3_1"]["baseScore"] for metric in record["containers"]["cna"].get("metrics", []) if "cvssV3_1" in metric]
    about = record["cveMetadata"]
    months[about.get("datePublished", about["dateReserved"])[:7]].append(scores[0] if scores else None)
write("vulnrichment", texts)


def rational(value):
    top, bottom = value.as_integer_ratio()
    return str(top) if bottom == 1 else f"{top}/{bottom}"


for month, scores in sorted(months.items()):
    known = sorted(decimal.Decimal(score) for score in scores if score is not None)
    say(
        "samples/vulnrichment",
        month,
        "all",
        published=len(scores),
        critical=sum(score >= 9 for score in known),
        scores=rational(sum(known, decimal.Decimal(0))),
        gravest=rational(known[-1]) if known else "none",
        median=rational(known[(len(known) + 1) // 2 - 1]) if known else "none",
    )
