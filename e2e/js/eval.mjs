// An evaluation as a user of the npm package writes it. VARIANT chooses how good the task is.
import {Eval} from 'braintrust'

const answers = {
  first: {a: 'A', b: 'wrong', c: 'C'},
  second: {a: 'wrong', b: 'B', c: 'C'},
}[process.env.VARIANT]

await Eval('js-project', {
  experimentName: `js-${process.env.VARIANT}`,
  data: () => [
    {input: 'a', expected: 'A', metadata: {kind: 'vowel'}, tags: ['short']},
    {input: 'b', expected: 'B', trialCount: 2},
    {input: 'c', expected: 'C'},
    {input: 'boom', expected: 'never'},
  ],
  task: async (input, hooks) => {
    if (input === 'boom') throw new Error('task failed on purpose')
    return hooks.span.traced(
      async span => {
        span.log({input, metadata: {step: {first: 1}}})
        span.log({metadata: {step: {second: 2}}, metrics: {tokens: 3}})
        span.log({output: answers[input]})
        return answers[input]
      },
      {name: 'lookup', type: 'tool'},
    )
  },
  scores: [
    function exact({output, expected}) {
      return output === expected ? 1 : 0
    },
    function fragile({input}) {
      if (input === 'c') throw new Error('scorer failed on purpose')
      return 0.5
    },
  ],
  maxConcurrency: 2,
})
