#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The records that an answer of Mesos or Marathon holds, by other means than room mesos.

    tables.py KIND FILE.json [KIND FILE.json ...]

Lines of tabs, sorted: "task" id, framework, app, group, container, agent, state, ports, labels;
"app" id, group, labels; "app-task" id, app, version; "container" id, framework id, executor id;
"agent" id, hostname, pid; "framework" id, name, webui_url, active. The checked-in tables were made
with it and read; a test compares them with what the client takes out of the same file.
"""
import json
import re
import sys

TERMINAL = ("FINISHED FAILED KILLED ERROR LOST DROPPED GONE GONE_BY_OPERATOR").split()
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
tasks, apps, app_tasks, containers, agents, frameworks = {}, {}, {}, {}, {}, {}


def word(o, *keys):
    for key in keys:
        v = o.get(key) if isinstance(o, dict) else None
        if isinstance(v, dict):
            v = v.get("value")
        if isinstance(v, str) and v:
            return "".join("?" if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in v)
    return ""


def part(o, *path):
    for key in path:
        o = o.get(key) if isinstance(o, dict) else None
    return o


def rows(o, *path):
    o = part(o, *path) if path else o
    return [v for v in o if isinstance(v, dict)] if isinstance(o, list) else []


def quoted(s, extra):
    return "".join("%%%02X" % ord(c) if c <= " " or c == "\x7f" or c in "%" + extra else c
                   for c in s)


def labels(o):
    if isinstance(part(o, "labels"), list):
        o = o["labels"]
    pairs = o.items() if isinstance(o, dict) else [
        (v.get("key", ""), v.get("value", "")) for v in rows(o)]
    return " ".join("%s=%s" % (quoted(k, "="), quoted(v, "") if isinstance(v, str) else "")
                    for k, v in pairs if k)


def joined(ranges):
    return ",".join("%d" % a if a == b else "%d-%d" % (a, b) for a, b in ranges)


def assigned(resources):
    if isinstance(resources, dict):
        return joined([(int(a), int(b)) for a, b in
                       re.findall(r"(\d+)-(\d+)", resources.get("ports") or "")])
    return joined([(int(r["begin"]), int(r["end"])) for v in rows(resources)
                   if v.get("name") == "ports" for r in rows(v, "ranges", "range")])


def discovered(task):
    network = part(task, "container", "docker", "network")
    if network != "HOST" if network else part(task, "container", "network_infos"):
        return ""
    found = []
    for port in rows(task, "discovery", "ports", "ports"):
        if 1 <= port.get("number", 0) <= 65535 and found[-1:] != [int(port["number"])]:
            found.append(int(port["number"]))
    return ",".join(map(str, found))


def container_path(o):
    return (container_path(o["parent"]) + "." if "parent" in o else "") + o["value"]


def task(o, framework="", agent="", executor="", completed=False):
    key = framework or word(o, "framework_id"), word(o, "id", "task_id")
    if not all(key):
        return
    fresh = {"agent": word(o, "slave_id", "agent_id") or agent, "state": word(o, "state"),
             "ports": assigned(o.get("resources")) or discovered(o),
             "labels": labels(o.get("labels")), "container": "", "time": 0}
    best = -1
    for status in rows(o, "statuses"):
        when = status.get("timestamp", 0)
        fresh["time"] = max(fresh["time"], when)
        identity = part(status, "container_status", "container_id")
        if identity and when >= best:
            best, fresh["container"] = when, container_path(identity)
    fresh["live"] = not completed and fresh["state"].replace("TASK_", "", 1) not in TERMINAL
    old = tasks.setdefault(key, {})
    newer = not old or fresh["time"] > old["time"] or (
        fresh["live"] and not old["live"] and fresh["time"] >= old["time"])
    for field, value in fresh.items():
        if field in ("time", "live"):
            if newer:
                old[field] = value
        elif value and (newer or not old.get(field)):
            old[field] = value
        else:
            old.setdefault(field, "")


def framework(o, active=True, info=None):
    info = o if info is None else info
    if not word(info, "id"):
        return
    old = frameworks.setdefault(word(info, "id"), {"name": "", "url": "", "active": False})
    old["name"] = word(info, "name") or old["name"]
    old["url"] = word(info, "webui_url") or old["url"]
    old["active"] = active and (o.get("active") is True or old["active"])


def agent(o, info=None):
    info = o if info is None else info
    if word(info, "id"):
        old = agents.setdefault(word(info, "id"), ["", ""])
        old[:] = [word(info, "hostname") or old[0], word(o, "pid") or old[1]]


def container(identity, framework_id, executor):
    if identity and framework_id and executor:
        containers[identity] = framework_id, executor


def command_task(o):
    if (o.get("executor_name") or "").startswith("Command Executor (Task: "):
        tasks.setdefault((word(o, "framework_id"), word(o, "executor_id")), {
            "agent": "", "state": "", "ports": "", "labels": "", "container": "", "time": 0,
            "live": True})


def read_master(o):
    for v in rows(o, "slaves") + rows(o, "recovered_slaves"):
        agent(v)
    for where, done in (("frameworks", False), ("completed_frameworks", True)):
        for f in rows(o, where):
            framework(f, not done)
            for name in ("tasks", "unreachable_tasks", "completed_tasks"):
                for t in rows(f, name):
                    task(t, word(f, "id"), completed=done or name == "completed_tasks")
    for t in rows(o, "orphan_tasks") + rows(o, "tasks"):
        task(t)


def read_agent(o):
    if word(o, "id"):
        agent({"id": word(o, "id"), "hostname": word(o, "hostname"), "pid": word(o, "pid")})
    for where in ("frameworks", "completed_frameworks"):
        for f in rows(o, where):
            fid = word(f, "id")
            old = frameworks.setdefault(fid, {"name": "", "url": "", "active": False})
            old["name"] = old["name"] or word(f, "name")
            for kind in ("executors", "completed_executors"):
                for e in rows(f, kind):
                    done = where != "frameworks" or kind != "executors"
                    container(word(e, "container"), fid, word(e, "id"))
                    for name in ("tasks", "queued_tasks", "completed_tasks"):
                        for t in rows(e, name):
                            task(t, fid, word(o, "id"), word(e, "id"),
                                 done or name == "completed_tasks")


def read_v1(o):
    if isinstance(o, list):
        for v in o:
            read_v1(v)
        return
    whole = part(o, "get_state") or part(o, "subscribed", "get_state") or o
    for f in rows(whole, "get_frameworks", "frameworks"):
        framework(f, info=f.get("framework_info", {}))
    for f in rows(whole, "get_frameworks", "completed_frameworks"):
        framework(f, False, f.get("framework_info", {}))
    for kind in ("added", "updated"):
        f = part(o, "framework_" + kind, "framework")
        if f:
            framework(f, info=f.get("framework_info", {}))
    framework({}, False, part(o, "framework_removed", "framework_info") or {})
    added = part(o, "agent_added", "agent")
    for a in rows(whole, "get_agents", "agents") + ([added] if added else []):
        agent(a, a.get("agent_info", {}))
    for a in rows(whole, "get_agents", "recovered_agents"):
        agent(a)
    for name in ("pending_tasks tasks unreachable_tasks orphan_tasks queued_tasks launched_tasks "
                 "terminated_tasks completed_tasks").split():
        for t in rows(whole, "get_tasks", name):
            task(t, completed=name in ("terminated_tasks", "completed_tasks"))
    for c in rows(whole, "get_containers", "containers"):
        if "parent" not in c["container_id"]:
            container(word(c, "container_id"), word(c, "framework_id"), word(c, "executor_id"))
            command_task(c)
    if part(o, "task_added", "task"):
        task(o["task_added"]["task"])
    if part(o, "task_updated", "status"):
        u = o["task_updated"]
        task(dict(u["status"], state=u.get("state", u["status"].get("state")), labels=None,
                  statuses=[u["status"]], resources=None), word(u, "framework_id"))


def read_containers(o):
    for c in rows(o):
        container(word(c, "container_id"), word(c, "framework_id"), word(c, "executor_id"))
        command_task(c)


def app(o):
    if not word(o, "id"):
        return
    spec = o.get("spec") or o
    apps[word(o, "id")] = labels(spec.get("labels")) or apps.get(word(o, "id"), "")
    found = [(word(t, "id"), word(t, "version")) for t in rows(o, "tasks")]
    found += [(word(c, "containerId"), word(i, "specReference").partition("::versions/")[2])
              for i in rows(o, "instances") for c in rows(i, "containers")]
    for identity, version in found:
        if identity:
            app_tasks[identity] = word(o, "id"), version


def read_group(o):
    for v in rows(o, "apps") + rows(o, "pods"):
        app(v)
    for v in rows(o, "groups"):
        read_group(v)


def read_apps(o):
    for v in rows(o if isinstance(o, list) else o["apps"]):
        app(v)


READERS = {"master-state": read_master, "master-tasks": read_master, "master-slaves": read_master,
           "agent-state": read_agent, "agent-containers": read_containers, "v1-events": read_v1,
           "v1-agent": read_v1, "v1-master": read_v1, "marathon-group": read_group,
           "marathon-apps": read_apps}


def app_of(identity, framework_id):
    if identity in app_tasks:
        return app_tasks[identity][0]
    marathons = {f for f, t in tasks if t in app_tasks}
    name = frameworks.get(framework_id, {}).get("name", "").lower()
    if framework_id not in marathons and not name.startswith("marathon"):
        return ""
    m = (re.fullmatch(r"(?i)(.+)\.%s" % UUID, identity) or
         re.fullmatch(r"(?i)(.+)\.(?:instance|marathon)-%s(?:\..*)?" % UUID, identity))
    if not m:
        return ""
    known = [a for a in apps if a.lstrip("/").replace("/", "_") == m[1]]
    if known:
        return known[0] if len(known) == 1 else ""
    return "/" + m[1].replace("_", "/") if re.fullmatch(
        r"[a-z0-9.-]+(_[a-z0-9.-]+)*", m[1]) else ""


def group(path):
    return path[:path.rindex("/")] or "/" if "/" in path else ""


def lines():
    for (fid, identity), t in tasks.items():
        a = app_of(identity, fid)
        yield ("task", identity, frameworks.get(fid, {}).get("name", ""), a, group(a),
               t["container"], t["agent"], t["state"], t["ports"], t["labels"])
    for identity, text in apps.items():
        yield "app", identity, group(identity), text
    for identity, (a, version) in app_tasks.items():
        yield "app-task", identity, a, version
    for identity, (fid, executor) in containers.items():
        yield "container", identity, fid, executor
    for identity, (hostname, pid) in agents.items():
        yield "agent", identity, hostname, pid
    for identity, f in frameworks.items():
        yield "framework", identity, f["name"], f["url"], "active" if f["active"] else ""


for kind, path in zip(sys.argv[1::2], sys.argv[2::2]):
    with open(path, encoding="utf-8") as stream:
        READERS[kind](json.load(stream))
out = sorted(("\t".join(line) + "\n").encode() for line in lines())
sys.stdout.buffer.write(b"".join(out))
