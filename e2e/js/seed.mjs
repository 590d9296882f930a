// The workload that the upload regression was measured with: 40 cases of 8 spans, 128-byte payloads,
// 4 cases at once.
import {Eval} from 'braintrust'

const payload = 'x'.repeat(128)

await Eval('js-project', {
  experimentName: 'seed',
  data: () => Array.from({length: 40}, (_, number) => ({input: `case ${number}`, expected: payload})),
  task: async (input, hooks) => {
    for (let step = 0; step < 8; step++) {
      await hooks.span.traced(async span => span.log({input: payload, output: payload}), {
        name: `step ${step}`,
      })
    }
    return payload
  },
  scores: [
    function exact({output, expected}) {
      return output === expected ? 1 : 0
    },
  ],
  maxConcurrency: 4,
})
