import "./compare.css";

export { Compare as default } from "./Compare";
