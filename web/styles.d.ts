/** Made by vite.config.js of the report's own style. */
declare module 'virtual:report_style.css';
