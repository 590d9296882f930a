// Every address that the package makes for people to open.
import {init, initDataset, initLogger, permalink} from 'braintrust'

const project = process.env.VARIANT
const logger = initLogger({projectName: project})
const links = []
await logger.traced(async span => {
  span.log({input: 'question', output: 'answer'})
  links.push(await span.permalink(), await permalink(await span.export()))
  await logger.flush()
  links.push(span.link())
})
await logger.flush()
const experiment = init(project, {experiment: 'linked'})
const span = experiment.startSpan({name: 'case'})
span.log({input: 'question', output: 'answer', scores: {right: 1}})
span.end()
await experiment.flush()
links.push(await span.permalink(), span.link())
const summary = await experiment.summarize()
const dataset = initDataset(project, {dataset: 'linked'})
dataset.insert({input: 1})
await dataset.flush()
const {datasetUrl} = await dataset.summarize()
links.push(summary.projectUrl, summary.experimentUrl, datasetUrl)
console.log(JSON.stringify(links))
