import "./dataset.css";

export { DatasetPage as default } from "./DatasetPage";
