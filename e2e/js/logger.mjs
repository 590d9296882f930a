// Tracing without an evaluation, as a service does it.
import {initLogger} from 'braintrust'

const logger = initLogger({projectName: 'js-logs'})
await logger.traced(
  async root => {
    root.log({input: 'question', tags: ['production']})
    await root.traced(async step => step.log({output: {a: 1}}), {name: 'step', type: 'llm'})
    root.log({output: 'answer', metadata: {user: 'u1'}, scores: {helpful: 0.75}})
  },
  {name: 'request'},
)
await logger.flush()
