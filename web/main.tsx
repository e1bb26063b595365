/** Starts the workbench. */

import { render } from 'preact';
import { VIEWER_COLOURS, VIEWER_STYLE } from '../src/report/html/viewer_style.ts';
import './style.css';
import { WorkbenchPage } from './page.tsx';
import { addStyle } from './state/add_style.ts';
import { Workbench } from './workbench.ts';

const root = document.getElementById('workbench');
if (root === null) throw new Error('no #workbench in the page');
addStyle(VIEWER_COLOURS + VIEWER_STYLE);
const workbench = new Workbench();
root.replaceChildren();
render(<WorkbenchPage workbench={workbench} />, root);
void workbench.start();
