// An experiment's cases as the data of the next one. VARIANT: project and experiment.
import {init} from 'braintrust'

const [project, experiment] = process.env.VARIANT.split(' ')
const cases = []
for await (const one of init(project, {experiment, open: true}).asDataset()) cases.push(one)
cases.sort((a, b) => (a.input < b.input ? -1 : 1))
console.log(JSON.stringify(cases))
