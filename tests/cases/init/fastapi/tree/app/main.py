from fastapi import APIRouter, FastAPI

app = FastAPI()
router = APIRouter(prefix="/internal")


@router.get("/ready")
async def ready():
    return {"status": "ok"}


app.include_router(router)
