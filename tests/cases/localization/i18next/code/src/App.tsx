export const App = () => <h1>{t('boats.titel')} {t('common:boats.count', { count })}</h1>
