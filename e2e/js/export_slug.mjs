// Slugs as services hand them on: before the project has an id, after it, and of an experiment.
import {init, initLogger} from 'braintrust'

const logger = initLogger({projectName: process.env.VARIANT})
const root = logger.startSpan({name: 'theirs'})
const early = await root.export()
root.log({input: 'from them', metadata: {kept: 1, changed: 1}})
const leaf = root.startSpan({name: 'leaf'})
leaf.end()
root.end()
await logger.flush()
const late = await leaf.export()

const experiment = init(process.env.VARIANT, {experiment: 'theirs'})
const run = experiment.startSpan({name: 'case', event: {input: 'a', output: 'A'}})
run.end()
await experiment.flush()
console.log(JSON.stringify({early, late, experiment: await run.export()}))
