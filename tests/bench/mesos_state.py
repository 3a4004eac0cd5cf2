#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A master's state of many tasks, as recorded ones multiplied: mesos_state.py RECORDED TASKS >STATE

Ids, names, addresses and ports of each differ; the rest is as it was recorded.
"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as f:
    state = json.load(f)
count = int(sys.argv[2])
agents = count // 10
pattern = max(state["frameworks"], key=lambda f: len(f["tasks"]))
tasks, slave = pattern["tasks"], state["slaves"][0]
state["frameworks"] = [dict(pattern, id="F", name="marathon", active=True, completed_tasks=[])]
state["completed_frameworks"], state["slaves"] = [], []
head = json.dumps(state, separators=(",", ":"))
start = json.dumps(tasks, separators=(",", ":"))
before, after = head.split('"tasks":' + start, 1)
middle, end = before.split('"slaves":[]', 1) if '"slaves":[]' in before else (before, "")
out = sys.stdout
slaves = ",".join(json.dumps(dict(
    slave, id="S%u" % i, hostname="node%u.example" % i,
    pid="slave(1)@10.%u.%u.%u:5051" % (i >> 16, i >> 8 & 255, i & 255)), separators=(",", ":"))
    for i in range(agents))
if end or '"slaves":[]' in before:
    before = middle + '"slaves":[' + slaves + "]" + end
else:
    after = after.replace('"slaves":[]', '"slaves":[' + slaves + "]", 1)
out.write(before + '"tasks":[')
for i in range(count):
    task = dict(tasks[i % len(tasks)], framework_id="F", executor_id="", slave_id="S%u" % (i % agents),
                id="shop_web%u.%08x-0c2a-11f0-9d3e-0242ac110002" % (i % 2000, i),
                name="web%u.shop" % (i % 2000), state="TASK_RUNNING")
    for status in task.get("statuses", []):
        if "container_id" in status.get("container_status", {}):
            status["container_status"]["container_id"] = {"value": "%08x-4941-4360-9d9e-af1abdf8cbcd" % i}
    out.write(("," if i else "") + json.dumps(task, separators=(",", ":")))
out.write("]" + after)
