// What people say about an answer after it was logged, on a project's logs and on an experiment.
import {init, initLogger} from 'braintrust'

const said = {
  scores: {helpful: 0.25},
  expected: 'a better answer',
  tags: ['reviewed'],
  comment: 'too short',
  metadata: {user: 'u1'},
  source: 'app',
}
const project = process.env.VARIANT
const logger = initLogger({projectName: project})
const id = await logger.traced(async span => {
  span.log({input: 'question', output: 'answer', scores: {automatic: 1}})
  return span.id
})
await logger.flush()
logger.logFeedback({id, ...said})
await logger.flush()

const experiment = init(project, {experiment: 'reviewed'})
const row = experiment.log({input: 'question', output: 'answer', scores: {automatic: 1}})
await experiment.flush()
experiment.logFeedback({id: row, ...said})
await experiment.flush()
console.log(JSON.stringify({logged: id, experiment: row}))
