/** Starts the workbench. */

import { render } from 'preact';
import 'virtual:report_style.css';
import './style.css';
import { WorkbenchPage } from './page.tsx';
import { Workbench } from './workbench.ts';

const root = document.getElementById('workbench');
if (root === null) throw new Error('no #workbench in the page');
const workbench = new Workbench();
root.replaceChildren();
render(<WorkbenchPage workbench={workbench} />, root);
void workbench.start();
