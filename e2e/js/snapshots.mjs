// Named versions of a dataset, and the way back to one; only newer versions of the package know them.
import {initDataset} from 'braintrust'

const project = process.env.VARIANT
const rows = async dataset => {
  const shown = (await dataset.fetchedData()).map(({id, input}) => ({id, input}))
  return shown.sort((a, b) => (a.id < b.id ? -1 : 1))
}
const open = options => initDataset(project, {dataset: 'questions', ...options})
const dataset = open()
dataset.insert({id: 'a', input: 'one'})
dataset.insert({id: 'b', input: 'two'})
await dataset.flush()
const snapshot = await dataset.createSnapshot({name: 'first', description: 'as it began'})
dataset.update({id: 'a', input: 'changed'})
dataset.delete('b')
dataset.insert({id: 'c', input: 'three'})
await dataset.flush()

const byName = await rows(open({snapshotName: 'first'}))
const listed = (await dataset.listSnapshots()).map(({name, description}) => ({name, description}))
const found = await dataset.getSnapshot({snapshotName: 'first'})
const renamed = await dataset.updateSnapshot(snapshot.id, {name: 'renamed'})
const preview = await dataset.restorePreview({version: snapshot.xact_id})
const restored = await dataset.restore({version: snapshot.xact_id})
const after = await rows(open())
await dataset.deleteSnapshot(snapshot.id)
const left = await dataset.listSnapshots()
console.log(JSON.stringify({
  byName, listed, found: found?.id === snapshot.id, renamed: renamed.name,
  preview, restored, after, left,
}))
