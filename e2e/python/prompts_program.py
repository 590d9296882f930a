"""Prompts published from code, and prompts and parameters loaded: by slug, id, version and
environment, what is not there, and what a client has left when its server is gone."""

import json
import os
import urllib.request

from braintrust import load_parameters, load_prompt, projects

project_name = os.environ["VARIANT"]


def publish(text):
    project = projects.create(name=project_name)
    project.prompts.create(
        name="Greeting",
        slug="greeting",
        description="says hello",
        model="gpt-4o",
        params={"temperature": 0},
        messages=[{"role": "user", "content": text}],
        if_exists="replace",
    )
    project.publish()


def use_in_production(prompt):
    """The package has no call for this."""
    url = os.environ["BRAINTRUST_APP_URL"]
    request = urllib.request.Request(
        f"{url}/environment-object/prompt/{prompt['id']}/production",
        data=json.dumps({"object_version": prompt["version"]}).encode(),
        method="PUT",
    )
    urllib.request.urlopen(request).read()


def prompt(**options):
    given = {"project": project_name, "slug": "greeting", "org_name": "local", **options}
    loaded = load_prompt(**given)
    built = loaded.build(name="Ann")
    traced = built["span_info"]["metadata"]["prompt"]
    return {
        "id": loaded.id,
        "slug": loaded.slug,
        "name": loaded.name,
        "version": loaded.version,
        "messages": built["messages"],
        "model": built["model"],
        "temperature": built["temperature"],
        "traced": traced["id"] == loaded.id and traced["version"] == loaded.version,
    }


def parameters(**options):
    given = {"project": project_name, "slug": "knobs", "org_name": "local", **options}
    loaded = load_parameters(**given)
    members = ("id", "slug", "name", "version", "data", "schema")
    return {member: getattr(loaded, member) for member in members}


def refused(loading):
    try:
        loading()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


report = {}
if os.environ["PHASE"] == "online":
    publish("Hello {{name}}")
    report["first"] = prompt()
    use_in_production(report["first"])
    publish("Ciao {{name}}")
    report["newest"] = prompt()
    report["pinned"] = prompt(version=report["first"]["version"])
    report["byId"] = prompt(id=report["first"]["id"])
    report["byIdPinned"] = prompt(id=report["first"]["id"], version=report["first"]["version"])
    report["production"] = prompt(environment="production")
    # Last, as the package keeps the one of an environment as if it were the newest.
    report["second"] = prompt()
    report["knobs"] = parameters()
    report["knobsById"] = parameters(id=report["knobs"]["id"])
    report["knobsPinned"] = parameters(version=os.environ["KNOBS_VERSION"])
else:
    report["second"] = prompt()
    report["knobs"] = parameters()
report["missing"] = refused(lambda: prompt(slug="nothing"))
report["missingKnobs"] = refused(lambda: parameters(slug="nothing"))
report["elsewhere"] = refused(lambda: prompt(environment="elsewhere"))
print(json.dumps(report))
