// What `braintrust push` sends: a tool with its code, a prompt that uses it, and parameters.
import {projects} from 'braintrust'
import {z} from 'zod'

const project = projects.create({name: 'pushed'})

const add = project.tools.create({
  name: 'Add', slug: 'add', description: 'adds two numbers',
  handler: ({a, b}: {a: number; b: number}) => a + b,
  parameters: z.object({a: z.number(), b: z.number()}),
})

project.prompts.create({
  name: 'Sum', slug: 'sum', model: 'gpt-4o', tools: [add],
  messages: [{role: 'user', content: 'What is {{a}} + {{b}}?'}],
})

project.parameters.create({
  name: 'Knobs', slug: 'knobs',
  schema: {model: {type: 'model', default: 'gpt-4o'}, digits: z.number().default(2)},
})
