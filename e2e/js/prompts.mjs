// Prompts published from code, and prompts and parameters loaded: by slug, id, version and environment,
// what is not there, and what a client has left when its server is gone.
import {loadParameters, loadPrompt, projects} from 'braintrust'

const projectName = process.env.VARIANT

const publish = async text => {
  const project = projects.create({name: projectName})
  project.prompts.create({
    name: 'Greeting', slug: 'greeting', description: 'says hello', model: 'gpt-4o',
    params: {temperature: 0}, messages: [{role: 'user', content: text}], ifExists: 'replace',
    ...(text.startsWith('Hello') ? {environments: ['production']} : {}),
  })
  await project.publish()
}
const prompt = async options => {
  const loaded = await loadPrompt({projectName, slug: 'greeting', ...options})
  const {messages, model, temperature, span_info} = loaded.build({name: 'Ann'})
  const {id, slug, name, version} = loaded
  const traced = span_info.metadata.prompt
  return {id, slug, name, version, messages, model, temperature,
    traced: traced.id === id && traced.version === version}
}
const parameters = async options => {
  const {id, slug, name, version, data, schema} =
    await loadParameters({projectName, slug: 'knobs', ...options})
  return {id, slug, name, version, data, schema}
}
const refused = async loading => {
  try {
    await loading
    return null
  } catch (error) {
    return String(error)
  }
}

const report = {}
if (process.env.PHASE === 'online') {
  await publish('Hello {{name}}')
  report.first = await prompt()
  await publish('Ciao {{name}}')
  report.newest = await prompt()
  report.pinned = await prompt({version: report.first.version})
  report.byId = await prompt({id: report.first.id})
  report.byIdPinned = await prompt({id: report.first.id, version: report.first.version})
  report.production = await prompt({environment: 'production'})
  // Last, as the package keeps the one of an environment as if it were the newest.
  report.second = await prompt()
  report.knobs = await parameters()
  report.knobsById = await parameters({id: report.knobs.id})
  report.knobsPinned = await parameters({version: process.env.KNOBS_VERSION})
} else {
  report.second = await prompt()
  report.knobs = await parameters()
}
report.missing = await refused(prompt({slug: 'nothing'}))
report.missingKnobs = await refused(parameters({slug: 'nothing'}))
report.elsewhere = await refused(prompt({environment: 'elsewhere'}))
console.log(JSON.stringify(report))
