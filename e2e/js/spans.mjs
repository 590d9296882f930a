// Traces as services write them: deep, concurrent, continued by somebody else who only has the
// exported span, and corrected afterwards.
import {initLogger, startSpan, traced, updateSpan} from 'braintrust'

const logger = initLogger({projectName: process.env.VARIANT})
let exported = ''
await logger.traced(
  async root => {
    root.log({input: 'question', metadata: {kept: 1, changed: 1}})
    await Promise.all(
      ['left', 'right'].map(name =>
        root.traced(
          async branch => {
            branch.log({input: name})
            await traced(async leaf => leaf.log({output: `${name} leaf`}), {name: 'leaf'})
          },
          {name},
        ),
      ),
    )
    exported = await root.export()
    root.log({output: 'first answer'})
  },
  {name: 'request'},
)
await logger.flush()

const elsewhere = startSpan({name: 'elsewhere', parent: exported})
elsewhere.log({output: 'from another process'})
elsewhere.end()
updateSpan({exported, output: 'second answer', metadata: {changed: 2}, tags: ['corrected']})
await logger.flush()
