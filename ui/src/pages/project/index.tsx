export { Project as default } from "./Project";
