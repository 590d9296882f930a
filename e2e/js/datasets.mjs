// The life of a dataset: rows come, change and go; earlier versions stay readable.
import {Eval, initDataset} from 'braintrust'

const project = process.env.VARIANT
const open = version => initDataset(project, {dataset: 'questions', version})
const rows = async dataset => {
  const found = []
  // Two rows a page, so that there is more than one.
  for await (const {id, input, expected, metadata, tags} of dataset.fetch({batchSize: 2})) {
    found.push({id, input, expected, metadata, tags})
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1))
}

const dataset = open()
dataset.insert({id: 'a', input: 'one', expected: 1, metadata: {from: 'x', step: 1}, tags: ['t']})
dataset.insert({id: 'b', input: 'two', expected: 2})
dataset.insert({id: 'c', input: 'three', expected: 3})
await dataset.flush()
const before = await rows(open())
const version = await open().version()

dataset.update({id: 'a', expected: 'uno', metadata: {step: 2}})
dataset.delete('b')
dataset.insert({id: 'd', input: 'four', expected: 4})
await dataset.flush()
const after = await rows(open())
const pinned = await rows(open(version))
const summary = await dataset.summarize()

const quiet = {progress: {start() {}, increment() {}, stop() {}}}
const run = (experimentName, data) =>
  Eval(project, {
    experimentName,
    data,
    task: input => input,
    scores: [
      function known({input, expected}) {
        return input && expected ? 1 : 0
      },
    ],
  }, quiet)
await run('latest', open())
await run('pinned', open(version))

console.log(JSON.stringify({
  before, after, pinned, version,
  id: await dataset.id,
  records: summary.dataSummary.totalRecords,
}))
