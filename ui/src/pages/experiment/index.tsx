import "../../style/experiment.css";

export { Experiment as default } from "./Experiment";
