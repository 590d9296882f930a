import "./keys.css";

export { Keys as default } from "./Keys";
