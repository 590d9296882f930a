// Files in traces: uploaded by one process, read back by another. VARIANT: project and step.
import {createHash} from 'node:crypto'
import {Attachment, ReadonlyAttachment, initDataset, initLogger} from 'braintrust'

const [project] = process.env.VARIANT.split(' ')
const step = process.env.VARIANT.slice(project.length + 1)
const digest = bytes => createHash('sha256').update(bytes).digest('hex')
if (step === 'write') {
  // No text, and long enough for more than one read of a socket.
  const bytes = Buffer.from(Array.from({length: 300_000}, (_, at) => (at * 31 + (at >> 8)) & 0xff))
  const make = filename => new Attachment({
    data: new Blob([bytes]), filename, contentType: 'application/octet-stream',
  })
  const logger = initLogger({projectName: project})
  await logger.traced(async span => span.log({input: {nested: [make('a name ü.bin')]}, output: 'seen'}))
  await logger.flush()
  const dataset = initDataset(project, {dataset: 'files'})
  dataset.insert({id: 'f', input: make('case.bin'), expected: 'seen'})
  await dataset.flush()
  console.log(JSON.stringify({digest: digest(bytes)}))
} else {
  const reference = JSON.parse(step)
  const attachment = new ReadonlyAttachment(reference)
  const bytes = Buffer.from(await (await attachment.data()).arrayBuffer())
  const {upload_status} = await attachment.status()
  const [row] = await initDataset(project, {dataset: 'files'}).fetchedData()
  const fromDataset = Buffer.from(await (await row.input.data()).arrayBuffer())
  console.log(JSON.stringify({
    digest: digest(bytes), fromDataset: digest(fromDataset), status: upload_status,
  }))
}
