// A row beyond what one request may carry, between two small ones.
import {initLogger} from 'braintrust'

const logger = initLogger({
  projectName: process.env.VARIANT,
  onFlushError: error => console.error(error),
})
const words = Array.from({length: 10 << 17}, (_, at) => ((at * 2654435761) >>> 0).toString(36).padStart(8, '0').slice(-7))
const large = words.join(' ')
for (const [input, output] of [['before', 'small'], ['large', large], ['after', 'small']]) {
  await logger.traced(async span => span.log({input, output}), {name: input})
}
await logger.flush()
console.log(JSON.stringify({length: large.length, head: large.slice(0, 40), tail: large.slice(-40)}))
