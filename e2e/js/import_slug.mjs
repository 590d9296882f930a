// What somebody else exported is a parent here, and its row is changed.
import {flush, startSpan, updateSpan} from 'braintrust'

const exported = process.env.VARIANT
const below = startSpan({name: 'below', parent: exported})
below.log({output: 'by them'})
below.end()
updateSpan({exported, output: 'second', metadata: {changed: 2}, tags: ['by them']})
await flush()
