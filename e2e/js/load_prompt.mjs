// Loads a prompt and parameters, and prints what became of them.
import { loadParameters, loadPrompt } from "braintrust";

const prompt = await loadPrompt({ projectName: "shop", slug: "greeting" });
const parameters = await loadParameters({ projectName: "shop", slug: "answers" });
const { messages, span_info } = prompt.build({ name: "Ada" });
console.log(
  JSON.stringify({ messages, prompt: span_info.metadata.prompt, data: parameters.data }),
);
