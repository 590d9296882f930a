import "./logs.css";

export { Logs as default } from "./Logs";
