// Fills a server with what the pages show: two runs of one evaluation with models' messages, files,
// scorers' reasons and errors; logs of an hour; a dataset with versions; a trace of many spans; and
// content that tries to be more than text.
//
//   node seed.mjs URL

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** Everything that text of strangers could try. Each would set `window.wasRun` or open a dialog. */
export const HOSTILE = {
  script: "<script>window.wasRun=1;alert(1)</script>",
  image: '"><img src=x onerror="window.wasRun=1;alert(2)">',
  link: "javascript:window.wasRun=1;alert(3)",
  svg: "<svg/onload=window.wasRun=1;alert(4)>",
  file: '"><img src=x onerror=alert(5)>.html',
};

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const CITIES = "Paris London Rome Madrid Berlin Vienna Oslo Lisbon Athens Dublin".split(" ");

export class Seed {
  constructor(url) {
    this.url = url;
    /** Just now, so that logs are in every range of time. */
    this.now = Math.floor(Date.now() / 1000) - 3_600;
  }

  async post(path, body, method = "POST") {
    const reply = await fetch(this.url + path, {
      method,
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  async rows(rows) {
    for (let at = 0; at < rows.length; at += 1_000) {
      await this.post("/logs3", { rows: rows.slice(at, at + 1_000), api_version: 2 });
    }
  }

  async experiment(project, name, more = {}) {
    const made = await this.post("/api/experiment/register", {
      project_name: project,
      experiment_name: name,
      ...more,
    });
    return { id: made.experiment.id, project: made.project.id };
  }

  span(id, root, parent, name, type, start, seconds, more = {}) {
    return {
      id,
      span_id: id,
      root_span_id: root,
      span_parents: parent ? [parent] : [],
      created: new Date(start * 1000).toISOString(),
      span_attributes: { name, type },
      ...more,
      metrics: { start, end: start + seconds, ...more.metrics },
    };
  }

  /** A case of four spans; of three in ten the answer is wrong, other ones in each run. */
  question(number, run, to) {
    const root = `${run}-${number}`;
    const city = CITIES[number % CITIES.length];
    const start = this.now + number * 2;
    const failed = number % 20 === 19;
    const seconds = (run === "first" ? 0.9 : 0.7) + ((number * 7) % 20) / 50;
    const right = !failed && number % 10 >= (run === "first" ? 4 : 2);
    const output = right ? city : `not ${city}`;
    const input = { question: `Which city is number ${number}?`, hints: [`It has ${city.length} letters.`] };
    const messages = [
      { role: "system", content: "Answer with one word." },
      { role: "user", content: input.question },
    ];
    const span = (name, type, parent, after, seconds, more) => ({
      ...this.span(`${root}-${name}`, root, parent, name, type, start + after, seconds, more),
      ...to,
    });
    return [
      {
        ...this.span(root, root, null, "eval", "eval", start, seconds + 0.2, {
          input,
          expected: city,
          ...(failed ? { error: "TimeoutError: the model did not answer within 30 s" } : { output }),
          scores: failed ? {} : { exact: right ? 1 : 0 },
          metadata: { model: { name: number % 3 ? "small" : "large" }, number },
          tags: number % 4 ? ["common"] : ["common", "rare"],
        }),
        ...to,
      },
      span("task", "task", root, 0.05, seconds, { input, output }),
      span("chat", "llm", `${root}-task`, 0.1, seconds - 0.1, {
        input: messages,
        output: [{ role: "assistant", content: output }],
        metadata: { model: number % 3 ? "small" : "large" },
        metrics: { prompt_tokens: 20 + number, completion_tokens: 3, tokens: 23 + number },
      }),
      ...(failed
        ? []
        : [
            span("exact", "score", root, seconds + 0.1, 0.05, {
              scores: { exact: right ? 1 : 0 },
              metadata: { rationale: `${output} against ${city}` },
            }),
          ]),
    ];
  }

  async runs() {
    const first = await this.experiment("geography", "first", {
      repo_info: { commit: "1".repeat(40), branch: "main", commit_message: "Shorter prompt" },
    });
    const second = await this.experiment("geography", "second", { base_experiment: "first" });
    for (const [name, { id, project }] of [
      ["first", first],
      ["second", second],
    ]) {
      const to = { project_id: project, experiment_id: id };
      const rows = Array.from({ length: 120 }, (_, number) => this.question(number, name, to)).flat();
      await this.rows(rows);
    }
    return second;
  }

  async logs(project) {
    const to = { project_id: project, log_id: "g" };
    const rows = Array.from({ length: 240 }, (_, number) => {
      const [root, start] = [`log-${number}`, this.now + number * 14];
      const failed = number % 40 === 39;
      return [
        {
          ...this.span(root, root, null, "request", "function", start, 2, {
            input: { path: `/cities/${CITIES[number % CITIES.length]}`, user: number % 7 },
            ...(failed ? { error: "upstream closed the connection" } : { output: { status: 200 } }),
            tags: number % 5 ? null : ["slow"],
          }),
          ...to,
        },
        {
          ...this.span(`${root}-llm`, root, root, "chat", "llm", start + 0.3, 1.4, {
            input: [{ role: "user", content: `Tell me of ${CITIES[number % CITIES.length]}` }],
            output: [{ role: "assistant", content: "A fine place." }],
          }),
          ...to,
        },
      ];
    });
    await this.rows(rows.flat());
  }

  async dataset() {
    const made = await this.post("/api/dataset/register", {
      project_name: "geography",
      dataset_name: "cities",
      description: "Questions with one answer",
    });
    const dataset_id = made.dataset.id;
    const row = (number, expected) => ({
      id: `row-${String(number).padStart(2, "0")}`,
      dataset_id,
      input: { question: `Where is city ${number}?` },
      expected,
      metadata: { number },
      tags: number % 2 ? ["odd"] : null,
    });
    await this.rows(Array.from({ length: 30 }, (_, number) => row(number, CITIES[number % CITIES.length])));
    const { objects } = { objects: await this.versions(dataset_id) };
    await this.post("/api/dataset_snapshot/register", {
      dataset_id,
      name: "as delivered",
      xact_id: objects[0]._xact_id,
    });
    await this.rows([row(3, "Corrected"), row(30, "Added"), { id: "row-07", dataset_id, _object_delete: true }]);
  }

  async versions(dataset) {
    const reply = await fetch(`${this.url}/api/datasets/${dataset}/versions`);
    return (await reply.json()).versions;
  }

  /** One trace of that many spans, of 20 agents that call tools. */
  async large(spans) {
    const { id, project } = await this.experiment("geography", "large");
    const to = { project_id: project, experiment_id: id };
    const start = this.now;
    const rows = [{ ...this.span("big", "big", null, "eval", "eval", start, spans / 100, { input: "big" }), ...to }];
    for (let number = 1; number < spans; number += 1) {
      const agent = number <= 20 ? "big" : `big-${(number % 20) + 1}`;
      const [name, type] = number <= 20 ? [`agent ${number}`, "task"] : [`tool ${number}`, "tool"];
      const span = this.span(`big-${number}`, "big", agent, name, type, start + number / 100, 0.5, {
        output: `result ${number}`,
      });
      rows.push({ ...span, ...to });
    }
    await this.rows(rows);
  }

  async hostile() {
    const { script, image, link, svg, file } = HOSTILE;
    const project = `${script} & ${image}`;
    const { id, project: project_id } = await this.experiment(project, `${image} ${link}`);
    const { id: base } = await this.experiment(project, svg);
    const key = "hostile-file";
    const { signedUrl } = await this.post("/attachment", { key, filename: file, content_type: "text/html" });
    await fetch(signedUrl, { method: "PUT", body: script });
    await this.post("/attachment/status", { key, status: { upload_status: "done" } });
    const content = (to, root) => [
      {
        ...this.span(root, root, null, image, "eval", this.now, 1, {
          input: { [image]: script, page: link, site: { url: link, href: link } },
          output: `${script} ${svg} [click](${link}) data:text/html,${script}`,
          expected: svg,
          error: image,
          tags: [script, image],
          scores: { [script]: 0.5, constructor: 1 },
          metadata: { [script]: image, __html: svg, dangerouslySetInnerHTML: { __html: image } },
          context: { caller_filename: link },
        }),
        ...to,
      },
      {
        ...this.span(`${root}-llm`, root, root, svg, "llm", this.now, 0.5, {
          input: [
            { role: script, content: [{ type: "image_url", image_url: { url: link } }, { type: "text", text: image }] },
            {
              role: "user",
              content: [
                { type: "braintrust_attachment", key, filename: file, content_type: "text/html" },
                { type: "image_url", image_url: { url: `data:image/svg+xml;base64,${btoa(svg)}` } },
                { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
              ],
            },
          ],
          output: [
            { role: "assistant", content: script, tool_calls: [{ function: { name: svg, arguments: image } }] },
          ],
          metadata: { files: [{ type: "braintrust_attachment", key, filename: file, content_type: "text/html" }] },
        }),
        ...to,
      },
    ];
    await this.rows([
      ...content({ project_id, experiment_id: id }, "hostile-1"),
      ...content({ project_id, experiment_id: base }, "hostile-2"),
      ...content({ project_id, log_id: "g" }, "hostile-3"),
    ]);
    // The server takes any JSON where text, lists and objects belong.
    const odd = [
      { tags: script },
      { tags: [{ a: 1 }, null, 3] },
      { tags: {}, input: "\u202e\u0007" },
      { metadata: [1, 2], context: 5, error: 5 },
      { metadata: script, span_attributes: script },
      { span_attributes: { name: 7, type: [1] }, error: { a: 1 } },
      { scores: [1], span_parents: script },
      { metrics: { start: "a", end: {} }, span_parents: ["nobody"] },
      { metrics: { start: 5, end: 1 }, created: "yesterday" },
    ];
    await this.rows(
      odd.flatMap((members, at) =>
        [{ experiment_id: id }, { log_id: "g" }].map((object) => {
          const span = `odd-${at}`;
          return { id: span, span_id: span, root_span_id: span, input: span, project_id, ...object, ...members };
        }),
      ),
    );
    const made = await this.post("/api/dataset/register", { project_name: project, dataset_name: image });
    await this.rows([
      { id: script, dataset_id: made.dataset.id, input: { [image]: script }, expected: link, tags: [svg] },
    ]);
    return project;
  }
}

/** All of it; `profile` is that of the run called `second`. */
export async function seed(url, profile, spans) {
  const seed = new Seed(url);
  const second = await seed.runs();
  await seed.post(`/api/experiments/${second.id}/profile`, profile, "PUT");
  await seed.logs(second.project);
  await seed.dataset();
  await seed.large(spans);
  await seed.hostile();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [url, profile, spans] = process.argv.slice(2);
  await seed(url, readFileSync(profile, "utf8"), Number(spans));
}
