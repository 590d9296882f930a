// Rows of one large trace: agents that call models and tools, scored in between. The same seed makes
// the same rows but for ids and times.

/** Sends `count` spans of one trace to the logs of a project; returns where they are. */
export async function writeTrace(server, project, count) {
  const register = await send(`${server}/api/project/register`, { name: project, project_name: project });
  const id = register.project.id;
  const rows = traceRows(id, count);
  for (let at = 0; at < rows.length; at += 1000) {
    await send(`${server}/logs3`, { rows: rows.slice(at, at + 1000), api_version: 2 });
  }
  return { project: id, root: rows[0].root_span_id };
}

async function send(url, body) {
  const reply = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${process.env.TIDEGATE_API_KEY ?? "none"}`,
    },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}: ${(await reply.text()).slice(0, 300)}`);
  return reply.json();
}

/** Rows in the order of their starts. */
export function traceRows(projectId, count, seed = 7) {
  const random = mulberry(seed);
  const begin = Date.now() / 1000 - 3600;
  const root = crypto.randomUUID();
  const rows = [];
  const add = (parent, name, type, start, end, more = {}) => {
    const span = rows.length === 0 ? root : crypto.randomUUID();
    rows.push({
      id: span,
      span_id: span,
      root_span_id: root,
      span_parents: parent ? [parent] : null,
      project_id: projectId,
      log_id: "g",
      created: new Date(start * 1000).toISOString(),
      span_attributes: { name, type },
      ...more,
      metrics: { start, end, ...more.metrics },
    });
    return span;
  };
  const length = 600;
  const top = add(null, "crawl and answer", "task", begin, begin + length, { input: "all pages" });
  while (rows.length < count) {
    const start = begin + random() * length * 0.9;
    const agent = add(top, `agent ${rows.length}`, "function", start, start + 5 + random() * 40);
    let at = start + 0.05;
    const steps = 4 + Math.floor(random() * 20);
    for (let step = 0; step < steps && rows.length < count; step++) {
      const took = 0.2 + random() * 1.6;
      const prompt = 200 + Math.floor(random() * 4000);
      const completion = 20 + Math.floor(random() * 400);
      const messages = [
        { role: "system", content: "Answer from the page alone." },
        { role: "user", content: `What does page ${rows.length} say about tides?` },
      ];
      add(agent, "chat completion", "llm", at, at + took, {
        input: messages,
        output: [{ index: 0, message: { role: "assistant", content: "High water is at noon." } }],
        metadata: { model: "gpt-5-mini" },
        metrics: {
          prompt_tokens: prompt,
          completion_tokens: completion,
          tokens: prompt + completion,
          time_to_first_token: took * (0.1 + random() * 0.4),
          estimated_cost: prompt * 2.5e-7 + completion * 2e-6,
        },
      });
      at += took;
      if (rows.length < count && random() < 0.6) {
        const took = 0.02 + random() * 0.6;
        const failed = random() < 0.03;
        add(agent, failed ? "fetch page" : "read page", "tool", at, at + took, {
          input: { url: `https://example.org/${rows.length}` },
          ...(failed ? { error: "TimeoutError: no answer within 5 s" } : { output: "…" }),
        });
        at += took;
      }
      if (rows.length < count && random() < 0.15) {
        add(agent, "faithful", "score", at, at + 0.01, { scores: { faithful: random() } });
        at += 0.01;
      }
    }
  }
  return rows;
}

function mulberry(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}
