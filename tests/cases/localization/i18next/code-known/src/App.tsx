export const App = () => <h1>{t('boats.title')} {t('common:boats.count', { count })}</h1>
