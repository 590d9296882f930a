// Experiments that are logged by hand and compared with a base of the caller's choice.
import {init} from 'braintrust'

const project = process.env.VARIANT
const log = async (name, scores, options) => {
  const experiment = init(project, {experiment: name, ...options})
  for (const [input, right] of Object.entries(scores)) {
    experiment.log({input, output: right, scores: {right}})
  }
  await experiment.flush()
  return experiment
}
const base = await log('base', {a: 1, b: 0, c: 0, d: 1})
await log('between', {a: 0, b: 0, c: 0, d: 0})
const chosen = await log('chosen', {a: 1, b: 1, c: 1, d: 0})
const declared = await log('declared', {a: 0, b: 0, c: 1, d: 1}, {baseExperiment: 'base'})
const shown = ({comparisonExperimentName, scores, experimentUrl, projectUrl}) =>
  ({base: comparisonExperimentName, scores, links: [projectUrl, experimentUrl]})
console.log(JSON.stringify({
  chosen: shown(await chosen.summarize({comparisonExperimentId: await base.id})),
  declared: shown(await declared.summarize()),
}))
